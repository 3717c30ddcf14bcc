package watch

func systemLimits() limits { return linuxLimits() }

func newSystem() (source, error) { return newNotify() }
