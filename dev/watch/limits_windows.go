package watch

func systemLimits() limits { return windowsLimits() }

func newSystem() (source, error) { return newNotify() }
