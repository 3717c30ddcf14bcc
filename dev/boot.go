package dev

import "strings"

// BootID identifies the running kernel: processes that read the same one share the kernel, in containers too. It is
// empty on systems other than Linux. Source: proc_sys_kernel(5), random/boot_id.
func BootID() string {
	b, err := ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
