//go:build unix && !linux

package watch

import "syscall"

func systemLimits() limits { return kqueueLimits() }

// newSystem leaves half of the program's open files to everything else.
func newSystem() (source, error) {
	s, err := newNotify()
	if err != nil {
		return nil, err
	}
	var most syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most); err != nil {
		return s, nil // unknown: the system's own error comes late, but it comes
	}
	return newFrugal(s, int(min(most.Cur/2, 1<<20))), nil
}
