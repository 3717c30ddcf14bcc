// Package release hands a Streamlit project over to the platform that will run it. A [Releaser] has what that
// needs of this machine: clock, environment, container engine, templates. Its caller fills it in.
//
// How a hand-off flows:
//
//  1. [Releaser.Gather] collects what is known of the project: the service that ships, its code, its repository.
//  2. [Project.Prepare] finds a value for every parameter of the target, and asks a [Prompter] for the missing ones.
//  3. It builds the image, or takes the one that the options name, and starts it once: the proof that it runs.
//  4. It renders the target's files, compares them with the bundle on disk, and checks everything that would ship.
//  5. It makes the record. Until here nothing in the project has changed, so a command can show it first.
//  6. [Release.Write] writes the files and the record. With [Options.Check] it writes nothing.
//  7. [Release.Err] says why the hand-off must not happen; it is nil if it may.
//
// [Project.Check] stops after step 4, and [Releaser.Preflight] checks a project, or an image, without a target.
//
// # Promises
//
// The package calls no cloud. It writes only the bundle, the target's files at the root of the repository, and an
// archive in the cache directory, which it removes. It opens the container engine only if it needs an image of the
// engine, closes it again, and leaves no container behind. It reaches the engine through [Engine], so its tests need
// none.
//
// During a smoke test, goroutines of package tunnel forward a port to the container. They have ended when Prepare
// returns. Several goroutines may use a [Releaser]; a [Project] and a [Release] belong to one goroutine at a time.
package release
