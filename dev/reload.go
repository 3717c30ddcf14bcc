package dev

// ReloadMethod is how a change reaches the app.
type ReloadMethod string

// The ways in which a save becomes live. After the last two the app is another process.
const (
	ReloadMount   ReloadMethod = "mount"   // a mount shows the source to the app
	ReloadSync    ReloadMethod = "sync"    // sdev copies the source
	ReloadRestart ReloadMethod = "restart" // sdev restarts the app's process
	ReloadRebuild ReloadMethod = "rebuild" // sdev rebuilds the image and recreates the container
)

// What an [Announcement] names besides [ReloadRestart] and [ReloadRebuild].
const (
	AnnounceStart   ReloadMethod = "start"   // the app starts for the first time
	AnnounceExit    ReloadMethod = "exited"  // the app exited and will not restart by itself
	AnnounceNothing ReloadMethod = "nothing" // withdraws the announcement, for example because a build failed
)

// Replaces reports whether the method replaces the app's process, so that its tabs reconnect.
func (m ReloadMethod) Replaces() bool { return m == ReloadRestart || m == ReloadRebuild }

// Announcement is what is about to happen to the app, or has just happened. The hold page shows it, and the next
// [AppReloaded] names it.
type Announcement struct {
	How     ReloadMethod `json:"how"`     // "" means no announcement
	Trigger string       `json:"trigger"` // path of the file whose change is the reason; may be empty
	Text    string       `json:"text"`    // another sentence for people; may be empty
}
