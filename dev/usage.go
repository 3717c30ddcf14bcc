package dev

import "time"

// Sample is the resource usage of a container at one moment.
type Sample struct {
	At     time.Time
	CPU    time.Duration // since the container started, over all cores
	Memory int64         // bytes in use now, without the page cache
}
