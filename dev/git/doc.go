// Package git reads the state and the history of the repository that contains a directory, with the git program.
//
// The package promises:
//
//   - It changes nothing. git refreshes no index, fetches nothing, and asks nobody for a password.
//   - git runs no program that the repository or one of its submodules names: no filter, hook, file watcher, helper or
//     transport. [Repository.Modified] tells what that means for files that a filter changes.
//   - Addresses of remotes contain no credentials.
//
// The package starts no goroutines. Every call ends with the git process that it started, or with its context.
package git
