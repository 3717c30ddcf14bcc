// Package process runs the containers of a project as processes of this machine, for machines without a container
// engine. It implements the same interfaces as package docker, and passes the part of their contract that does not need
// a file system for each container.
//
//	Runtime ──starts──▶ keeper ──starts──▶ process group of the container
//	   │                  │ holds the container's lock, copies output to its log, records the end
//	   └──reads── directory of the container ◀──writes──┘
//
// What a container is here: a directory of the machine's state with its settings, its log and its last run. A second
// copy of sdev, the keeper, starts its process in a process group of its own and lives as long as that. Package docker's
// words keep their meaning where they can: an image is an environment of Python packages, a volume is a directory, a
// network is a name without effect, because all processes share this machine's network.
//
// The package promises:
//
//   - A lock says whether a container runs, and not a number of a process. The system releases it however the keeper
//     ends.
//   - Nothing outlives its keeper. If the keeper is killed, a guard kills the process group at once. On Linux the kernel
//     kills the first process too, and the next look at the container kills processes that have left the group.
//     On Windows a job object does all of that.
//   - Nothing outlives an attached sdev. While one holds the lifeline of a project, the keepers that start belong to it,
//     and they end when no sdev holds it any more.
//   - Nothing is written through a mount. Secrets, configs, temporary directories and volumes are in the container's own
//     directory; settings that name their paths are translated (see [Paths]). Programs that have such a path in their
//     code do not find it.
//   - Names of projects, containers, volumes and images never become paths.
//
// What it does not do: it cannot make a mount read-only, limit memory or change the user, and a process can reach all
// that its user can.
//
// Goroutines: those of a call end before it returns. A [Runtime] that attaches holds a lock, and starts none.
package process
