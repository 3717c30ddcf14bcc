// Package plan decides which operations turn the observed state of a project into the desired one.
//
//	compose model ──NewDesired──▶ Desired ──┐
//	                                        ├──Check, Make──▶ Plan: remove · load · create · sync · wait · start
//	container engine ──(a runtime)─▶ Observed ┘
//
// The package promises:
//
//   - Decisions are pure. [Make], [Down], [Undo] and [RestartOf] use no engine, disk, clock or goroutine: equal input
//     gives an equal plan. A plan prints as text, and its tests compare that text.
//   - A plan is complete. Each operation carries all that a runtime needs, so that executing it takes no decision, and
//     has a reason for the user.
//   - A plan is idempotent. The plan for its own result is empty.
//   - Order is explicit. Operations stand in an order that works one after the other; [Operation.Needs] tells which
//     earlier ones an operation must wait for, so that an executor may run the others in parallel.
//   - No data is lost. [Check] refuses a change that would recreate a volume.
//
// [Parts], digests of each setting, stay on a container as a label. From them a later plan tells which settings changed.
package plan
