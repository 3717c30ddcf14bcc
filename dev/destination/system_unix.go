//go:build unix

package destination

// systemTrees are directories of the system below which nothing is written.
func systemTrees() []string {
	return []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib64", "/usr/sbin", "/usr/share",
		"/var/cache", "/var/db", "/var/lib", "/var/log", "/var/run", "/var/spool", "/System", "/Library", "/private/etc", "/private/var/db"}
}

// systemParents are directories of the system into which nothing is written directly.
func systemParents() []string {
	return []string{"/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/usr", "/usr/local", "/usr/src", "/var", "/var/tmp", "/Applications", "/Users", "/Volumes", "/private", "/private/tmp", "/private/var"}
}
