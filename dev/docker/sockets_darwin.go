package docker

func thisSystem() engineSystem { return onMac() }
