package dev

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// CheckOrigin says what is wrong with the origin of a web page, which has to be written as browsers
// send it: scheme, host in lower case and, unless it is the scheme's own, the port. There is no
// pattern: each page that is let in is named.
func CheckOrigin(s string) error {
	switch s {
	case "*":
		return errors.New("* would let every page of the internet in")
	case "null":
		return errors.New("null is what every sandboxed frame and every file is called")
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
			return fmt.Errorf("%q: %s is no port", s, port)
		}
	}
	if s != want {
		return fmt.Errorf("%q is not written as browsers write it: %s", s, want)
	}
	return nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func checkHost(name string) error {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return errors.New("browsers write letters beyond ASCII in a host as xn--…: copy it from there")
		}
	}
	if strings.Contains(name, "*") {
		return errors.New("there are no patterns: name each host")
	}
	if addr, err := netip.ParseAddr(name); err == nil && addr.Zone() == "" {
		return nil
	}
	if !hostName.MatchString(name) {
		return fmt.Errorf("%s is no host", name)
	}
	return nil
}
