// Package docker is the runtime on a container engine: it observes, builds, creates, starts, follows and
// removes containers through the engine's API. It runs no docker or buildx program; it runs git for a build
// whose context is a repository.
//
// It decides nothing: it carries out operations of package plan. Everything it creates has Compose's labels
// and sdev's labels, and it touches nothing without them. A caller opens an [Engine] on first use, so that
// commands which need no engine work without one. If the engine is down or too old, or denies access, the
// error is a *dev.Error with exit code 4.
//
// [Open] chooses the engine as the docker command does, and [Engine.Endpoint] says which one and why.
//
// Builds use BuildKit, or the engine's classic builder if it has no BuildKit. Engines from API 1.53 on serve
// BuildKit over HTTP/2 on their own socket; others have the endpoints /grpc and /session. The package reads the
// Dockerfile, changes it in memory if the build needs that (package dockerfile), and sends the result to the
// builder. On machines with an extra CA, builds start from a copy of the base image that trusts the CA, so that
// a Dockerfile that does not mention the CA still builds. The copies (sdev-ca:…, labelled dev.sdev.ca) stay on
// the engine; there is one for each base image and CA bundle.
//
// A build of an image that ships (plan.Build.Ships) differs: it replaces no base image, the frontend runs
// in this process, and only commands see the extra CA, so that no layer and no line of the history holds it.
// File timestamps are set to the commit's, so that the image is reproducible, whichever image store the engine
// has. [Engine.StartSmokeTest] starts such an image once to check that it runs.
//
// The gateway's image holds only the gateway's program, for the engine's architecture (package sidecar). Loading it
// removes images of earlier versions that no container uses.
//
// The package never copies a file into a container through a mount, because that would write to this machine.
// Secrets and configs whose path lies inside a mount are mounted over it, from a volume that is removed with the
// container. Mount points that are missing on this machine are created empty, and removed with the last
// container that needs them. Build contexts leave out sdev's state directory (.sdev).
//
// The engine runs health checks. While an operation waits for a service, this package runs the same check
// immediately and often instead of waiting for the check's interval.
//
// An Engine is safe for concurrent use. Each method owns the goroutines that it starts and returns when they
// have ended. There is one exception: the connection that [Engine.Stream] or [SmokeTestRun.Reach] returns owns a
// goroutine, and its Close waits for that.
//
// This is the only package that imports the Docker client and BuildKit. The client is github.com/docker/docker/client,
// which gets no new versions and knows no API after 1.51; its successor is github.com/moby/moby/client. Any of these
// forces the move:
//
//   - an engine that no longer serves API 1.51: its minimum is now 1.40;
//   - something that sdev needs and only a newer API has, such as several platforms in one export (1.52);
//   - a newer BuildKit, docker/cli or compose-go whose API takes or returns types of the successor;
//   - a security fix, or a Go version, that the old client does not get.
//
// BuildKit over HTTP/2 is none of them: it needs only the client's Dialer.
package docker
