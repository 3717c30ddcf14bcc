// Package release hands a Streamlit project over to the platform that will run it. A [Releaser] holds what that
// needs of this machine, and cmd fills it in.
//
// How a hand-off flows:
//
//  1. [Releaser.Gather] collects what is known of the project: the service that ships, its code, its repository.
//  2. [Project.Prepare] finds a value for every parameter of the target, and asks a [Person] where one is missing.
//  3. It builds the image, or takes the one that was named, and starts it once: the proof that it runs.
//  4. It renders the target's files, compares them with those in the bundle, and checks everything that would ship.
//  5. It makes the record of all that. Until here nothing in the project has changed, so it can be shown.
//  6. [Release.Write] writes files and record. With [Options.Check] it writes nothing.
//  7. [Release.Err] says why the hand-off must not happen. It is nil for one that may.
//
// [Project.Check] stops after step 4, and [Releaser.Preflight] checks a project, or an image, without a target.
//
// The package promises to call no cloud; to write nothing but the bundle, files of the target at the root of the
// repository, and an archive in the cache directory, which it removes; to open the container engine only when an
// image of the engine is needed, and to close it again; and to leave no container behind. What the engine does is
// behind [Engine], so that everything here runs in tests without one.
//
// A proof carries a connection into the container in goroutines of package tunnel. They have ended when Prepare
// returns. Releasers may be used by several goroutines; a [Project] and a [Release] belong to one at a time.
package release
