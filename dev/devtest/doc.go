// Package devtest has the fakes, contract suites and helpers of the other packages' tests.
//
//   - [Fake] is a container engine in memory. [TestRuntime] and [TestImages] are the contract that both it and the real
//     engine pass, so a test against the fake shows what the real engine would do.
//   - [Recorder], [Await] and [Eventually] wait for states instead of times.
//   - [Golden] compares with files, [KeepTree] watches a directory for changes, [Leaks] finds leaked goroutines.
//
// Each helper takes the test that it serves, fails that test with what it saw, and cleans up when the test ends. No
// production code imports the package. The fake and the recorder may be used by several goroutines, and start none.
package devtest
