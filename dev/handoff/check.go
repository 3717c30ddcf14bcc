package handoff

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sdev/dev/pattern"
)

// This file holds the checks of values that several targets use.

// matches returns a check that a value has a form; want describes the form.
func matches(form *pattern.Pattern, want string) func(string) error {
	return func(s string) error {
		if !form.MatchString(s) {
			return errors.New("want " + want)
		}
		return nil
	}
}

// listOf returns a check of a comma-separated list: check accepts every entry, and there are at least minimum of them.
func listOf(minimum int, check func(string) error) func(string) error {
	return func(s string) error {
		all := splitList(s)
		for i, one := range all {
			if err := check(one); err != nil {
				return fmt.Errorf("%q: %w", one, err)
			}
			if slices.Contains(all[:i], one) {
				return fmt.Errorf("%q is listed twice", one)
			}
		}
		if len(all) < minimum {
			return fmt.Errorf("want at least %d, separated by commas", minimum)
		}
		return nil
	}
}

// splitList splits a comma-separated list.
func splitList(s string) []string {
	all := []string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// checkCIDR accepts a network as security groups do.
func checkCIDR(s string) error {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return errors.New("want a network such as 203.0.113.0/24, or a single address such as 203.0.113.7/32")
	case p.Masked() != p:
		return fmt.Errorf("it has host bits set; the network is %s", p.Masked())
	}
	return nil
}

// checkPort accepts a port number.
func checkPort(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != s {
		return errors.New("want a port, 1 to 65535")
	}
	return nil
}

// checkHostName accepts the host name of an app.
func checkHostName(s string) error {
	return matches(pattern.New(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`), "a lower-case host name such as app.example.com")(s)
}

// checkDigest accepts an image reference with a digest.
func checkDigest(s string) error {
	return matches(pattern.New(`^[a-z0-9][a-z0-9._-]*(:\d+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9_.-]{1,128})?@sha256:[0-9a-f]{64}$`), "an image with its digest, REGISTRY/NAME@sha256:…, because a tag can be moved")(s)
}
