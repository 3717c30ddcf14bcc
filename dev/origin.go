package dev

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"sdev/dev/pattern"
)

// CheckOrigin returns an error unless s is the origin of a web page as browsers send it: scheme, host in lower case
// and, unless it is the scheme's default, the port. Patterns are not supported: users name each page that they
// allow.
func CheckOrigin(s string) error {
	switch s {
	case "*":
		return errors.New("* would allow every page on the internet")
	case "null":
		return errors.New("every sandboxed frame and every local file has the origin null")
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("%q is not the origin of a web page", s)
	}
	name := strings.ToLower(u.Hostname())
	if err := checkHost(name); err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	want := u.Scheme + "://" + strings.ToLower(u.Host)
	switch port := u.Port(); {
	case strings.HasSuffix(u.Host, ":"), port == defaultPorts[u.Scheme]:
		want = strings.TrimSuffix(want, ":"+port)
	case port != "":
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return fmt.Errorf("%q: %s is not a port", s, port)
		}
	}
	if s != want {
		return fmt.Errorf("%q is not written as browsers send it: write %s", s, want)
	}
	return nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

var hostName = pattern.New(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func checkHost(name string) error {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return errors.New("browsers send non-ASCII letters of a host as xn--…: copy the host from the browser's address bar")
		}
	}
	if strings.Contains(name, "*") {
		return errors.New("patterns are not supported: name each host")
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return nil
	}
	if !hostName.MatchString(name) {
		return fmt.Errorf("%s is not a host name", name)
	}
	return nil
}
