// Package docker is the runtime on a container engine: it observes, builds, creates, starts,
// follows and removes, through the engine's API alone. No docker or buildx program is called; git is,
// for a build whose context is a repository.
//
// It decides nothing: what to do comes as operations of package plan. Everything it makes carries
// Compose's own labels and labels of sdev, and nothing without them is ever touched. An [Engine]
// is opened on first use, so that commands which need no engine work without one; a daemon that
// is down, not permitted or too old is one clear *dev.Error with exit code 4.
//
// Which engine is used is decided as the docker command decides it ([Open]), and told ([Place]).
//
// Builds go through BuildKit, or the engine's classic builder where there is no other. The
// Dockerfile is read here and handed over from memory, changed where the build needs it (package
// dockerfile): for machines whose network opens TLS, base images are replaced by ones that know the
// machine's certificates, so that a Dockerfile which knows nothing of them builds. Those images
// (sdev-ca:…, labelled dev.sdev.ca) stay on the engine and are made once for a base and a bundle.
//
// A build of an image that leaves this machine is another matter (plan.Build.Ships): nothing in it is
// replaced, the frontend runs here, and certificates reach commands alone, so that no layer and no line
// of the history knows them; files get the time of the commit, so that it always gives the same image.
// Such an image can be started once, by itself, to see whether it runs ([Engine.Try]).
//
// What is put into a container is never written through a mount: secrets and configs whose place lies
// inside one are mounted over it, from a volume that goes with the container, and places on this machine
// that exist only to be mounted on are made empty and go with the last container that needs them. What
// sdev itself keeps in a project (.sdev) is left out of every build context.
//
// Health checks are the engine's to run, but whoever waits for a service has its check run at once
// and often, by [Engine.Do] of a wait, instead of after the check's own interval.
//
// An Engine may be used by several goroutines. Methods that stream ([Engine.Build],
// [Engine.Follow]) own the goroutines they start and have ended them when they return.
//
// It is the only package that imports the Docker client and BuildKit.
package docker
