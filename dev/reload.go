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

// Replaces reports whether the method replaces the app's process, so that its tabs reconnect.
func (m ReloadMethod) Replaces() bool { return m == ReloadRestart || m == ReloadRebuild }

// Announced is what an [Announcement] says about the app.
type Announced string

// What is about to happen to the app, or has just happened.
const (
	AnnounceStart   Announced = "start"                  // the app starts for the first time
	AnnounceRestart Announced = Announced(ReloadRestart) // sdev is about to restart its process
	AnnounceRebuild Announced = Announced(ReloadRebuild) // sdev is about to rebuild its image
	AnnounceExit    Announced = "exited"                 // the app exited and will not restart by itself
	AnnounceNothing Announced = "nothing"                // withdraws the announcement, for example because a build failed
)

// Method returns the method by which a save becomes live if the app is about to be replaced: [ReloadRestart] or
// [ReloadRebuild]. ok is false for every other announcement.
func (a Announced) Method() (m ReloadMethod, ok bool) {
	m = ReloadMethod(a)
	if !m.Replaces() {
		return "", false
	}
	return m, true
}

// Announcement is what is about to happen to the app, or has just happened. The hold page shows it, and the next
// [AppReloaded] names it.
type Announcement struct {
	How     Announced `json:"how"`     // "" means no announcement
	Trigger string    `json:"trigger"` // path of the file whose change is the reason; may be empty
	Text    string    `json:"text"`    // another sentence for people; may be empty
}
