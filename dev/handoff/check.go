package handoff

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// This file holds the checks of values that targets share.

// matches is a check that a value has a form; want describes it.
func matches(pattern, want string) func(string) error {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }) // most are never asked
	return func(s string) error {
		if !compiled().MatchString(s) {
			return errors.New("want " + want)
		}
		return nil
	}
}

// each is a check of every value of a list with commas, which holds at least so many.
func everyOf(minimum int, check func(string) error) func(string) error {
	return func(s string) error {
		all := splitList(s)
		for i, one := range all {
			if err := check(one); err != nil {
				return fmt.Errorf("%q: %w", one, err)
			}
			if slices.Contains(all[:i], one) {
				return fmt.Errorf("%q is there twice", one)
			}
		}
		if len(all) < minimum {
			return fmt.Errorf("want %d at least, with commas between them", minimum)
		}
		return nil
	}
}

// list is a value of several, with commas between them.
func splitList(s string) []string {
	all := []string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// checkCIDR wants a network as security groups take it.
func checkCIDR(s string) error {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return errors.New("want a network such as 203.0.113.0/24, or one address as 203.0.113.7/32")
	case p.Masked() != p:
		return fmt.Errorf("it has bits behind the mask: the network is %s", p.Masked())
	}
	return nil
}

// checkPort wants the number of a port.
func checkPort(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != s {
		return errors.New("want a port, 1 to 65535")
	}
	return nil
}

// hostName is a check of a name under which an app is reached.
func checkHostName(s string) error {
	return matches(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`, "a host name in small letters such as app.example.com")(s)
}

// byDigest is a check of the name of an image.
func checkDigest(s string) error {
	return matches(`^[a-z0-9][a-z0-9._-]*(:\d+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_.-]{1,128})?@sha256:[0-9a-f]{64}$`, "an image by its digest, REGISTRY/NAME@sha256:…: a tag can be moved")(s)
}
