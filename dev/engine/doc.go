// Package engine brings a project to its desired state and keeps it there.
//
//   - [Engine.Up] converges once: it builds and pulls images, makes a plan (package plan), executes it, and waits
//     until the app's page answers.
//   - [Engine.Supervise] does the same, then follows the containers and reacts to events until it is stopped.
//   - [Engine.Restart] restarts one service. [Engine.Down] removes everything of the project.
//
// The package promises:
//
//   - The container engine is the only source of truth, so any number of sdev processes may come and go. A file in
//     the state directory keeps only what saves time (builds, pulls) or should stay the same (ports).
//   - Processes that change a project take turns, by a lock on a file.
//   - Objects that another directory created under the same project name are neither used nor changed: see
//     [CheckOwnership].
//   - A service starts once its dependencies meet the condition that it names. A dependency that never will is an
//     error that names it.
//   - An Up that fails removes what it created.
//   - The gateway has its configuration before the app starts, and gets a new one before the old one expires.
//
// Supervise loops over events. One goroutine, run, owns the state and decides; others do work that blocks:
//
//	Runtime.Follow ─────events────▶ run ──startJob──▶ job: converge and wait for the page
//	       │                        ▲ │ │                │         │
//	       └──▶ Emit (every event)  │ │ └─copying.begin──┼──▶ Copier.Keep
//	                                │ └──renewals────────┼──▶ keepConfigured ──▶ Gateway.Configure
//	                                └──────results───────┘         │
//	                                            forwards ──────────┴──▶ keepForwarding ──▶ Gateway.Forward
//
// The loop follows these rules:
//
//   - At most one job runs. A save that needs another one cancels it, and the next job does the work of both.
//   - State changes that arrive during a job wait until it has ended; only the last one of each service counts,
//     because the job causes most of them itself.
//   - A failed job is a warning, and the loop continues: the next save may fix it. Only a failure of the first job,
//     or an unreachable container engine, ends the supervision.
//   - Every event of the runtime goes to Emit, in order, before run reacts to it. If run is busy, Follow waits;
//     nothing is dropped.
//
// The package declares what it needs: [Runtime], [Images], [Gateway], [Copier] and [Loader]. Every method blocks
// until the goroutines that it started have ended. Several goroutines call [Engine.Emit].
package engine
