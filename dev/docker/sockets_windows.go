package docker

func thisSystem() engineSystem { return onWindows() }
