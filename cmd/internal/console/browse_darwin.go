package console

func systemOpener() []string { return []string{"open"} }
