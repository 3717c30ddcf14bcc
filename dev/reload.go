package dev

// ReloadMethod is how a change reaches the app.
type ReloadMethod string

// A save that is live came by one of these: the app keeps running, or it is replaced.
const (
	ReloadMount   ReloadMethod = "mount"   // a mount shares the source
	ReloadSync    ReloadMethod = "sync"    // the source is copied
	ReloadRestart ReloadMethod = "restart" // its process restarts
	ReloadRebuild ReloadMethod = "rebuild" // its image is rebuilt, then its container is recreated
)

// An [Announcement] names [ReloadRestart] or [ReloadRebuild], or one of these.
const (
	AnnounceStart   ReloadMethod = "start"   // the app starts for the first time
	AnnounceExit    ReloadMethod = "exited"  // it exited and will not come back by itself
	AnnounceNothing ReloadMethod = "nothing" // the announcement is withdrawn, for example because a build failed
)

// Replaces reports whether the app's process is replaced, so that its tabs come back.
func (m ReloadMethod) Replaces() bool { return m == ReloadRestart || m == ReloadRebuild }

// Announcement is what is about to happen to the app, or just happened. The hold page shows it, and the next
// [AppReloaded] names it.
type Announcement struct {
	How     ReloadMethod `json:"how"`     // "" announces nothing
	Trigger string       `json:"trigger"` // the changed path that is the reason; may be empty
	Text    string       `json:"text"`    // one more sentence for a person; may be empty
}
