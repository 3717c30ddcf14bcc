package streamlit

import (
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Kind is the kind of a message from server to browser.
type Kind int

// The kinds that matter here; every other message is Other.
const (
	Other Kind = iota
	NewSession
	Navigation
	ShownException
	CompileException
	Finished
	Reference
	Element // something else on the page, of which nothing is read
)

// Outcome is how a run of the script ended, as the server sees it. A script that raised an exception has Succeeded.
type Outcome uint64

// The outcomes (ForwardMsg.ScriptFinishedStatus).
const (
	Succeeded        Outcome = 0
	NotCompiled      Outcome = 1 // a CompileException follows
	EarlyForRerun    Outcome = 2 // another run takes its place
	FragmentFinished Outcome = 3
)

// Forward holds the relevant parts of a ForwardMsg.
type Forward struct {
	Kind Kind
	// Hash identifies the message: a later one may hold only the hash, as a Reference.
	Hash string
	// RunID is the run that it belongs to, if the version sends it: NewSession always, Finished from 1.67.
	RunID string

	SessionID string    // NewSession
	MainHash  string    // NewSession: the entry script
	PageHash  string    // NewSession, Navigation: the page that runs
	Pages     []Page    // NewSession, Navigation
	Exception Exception // ShownException, CompileException
	Outcome   Outcome   // Finished
	Ref       string    // Reference: the Hash of the message that it stands for
}

// Page is a page of the app.
type Page struct {
	Hash, Name string
	Default    bool
}

// Exception is an exception as the page shows it.
type Exception struct {
	Type, Message string
	Stack         []string // outermost first; each begins with `File "PATH", line N, in NAME`
	Warning       bool     // shown as a warning, not a failure
}

// PageName is the name of the page that runs; empty for the app's first page, or when unknown.
func (f Forward) PageName() string {
	if f.PageHash == f.MainHash {
		return ""
	}
	for i, p := range f.Pages {
		if p.Hash != f.PageHash {
			continue
		}
		// Only Navigation marks the default page. A NewSession lists the entry script first.
		if p.Default || f.Kind == NewSession && i == 0 {
			return ""
		}
		return p.Name
	}
	return ""
}

// Verdict says whether the rest of a message must be read.
type Verdict int

// The verdicts of Peek functions.
const (
	More Verdict = iota // undecided: more bytes are needed
	Keep
	Skip
)

// Field numbers, from ForwardMsg.proto, Delta.proto, Element.proto, NewSession.proto,
// Navigation.proto, AppPage.proto, SessionEvent.proto and Exception.proto.
const (
	forwardHash         = 1
	forwardMetadata     = 2
	forwardNewSession   = 4
	forwardDelta        = 5
	forwardFinished     = 6
	forwardSessionEvent = 10
	forwardRefHash      = 11
	forwardNavigation   = 23

	metadataRun = 6
	runID       = 1

	deltaNewElement  = 3
	elementException = 8

	newSessionInitialize = 1
	newSessionRunID      = 2 // up to 1.66; later in the metadata
	newSessionPages      = 8
	newSessionPageHash   = 9
	newSessionMainHash   = 11
	initializeSessionID  = 6

	navigationPages    = 2
	navigationPageHash = 4

	pageHash    = 1
	pageName    = 2
	pageDefault = 4

	eventCompileException = 3

	exceptionType    = 1
	exceptionMessage = 2
	exceptionStack   = 3
	exceptionWarning = 5
)

// PeekForward decides from the first bytes of a ForwardMsg whether it has one of the kinds above. A few dozen
// bytes suffice to recognise data for the page, however long it is.
func PeekForward(prefix []byte) Verdict {
	for b := prefix; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return undecided(n)
		}
		switch num {
		case forwardHash, forwardMetadata:
			m := protowire.ConsumeFieldValue(num, typ, b[n:])
			if m < 0 {
				return undecided(m)
			}
			b = b[n+m:]
		case forwardDelta:
			return peekDelta(b[n:])
		case forwardNewSession, forwardFinished, forwardSessionEvent, forwardRefHash, forwardNavigation:
			return Keep
		default:
			return Skip
		}
	}
	return More
}

// IsElement reports whether a ForwardMsg, of which only the first bytes are known, puts something on the page.
func IsElement(prefix []byte) bool {
	for b := prefix; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num != forwardHash && num != forwardMetadata {
			return n >= 0 && num == forwardDelta
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return false
		}
		b = b[n+m:]
	}
	return false
}

// peekDelta looks for an exception as the new element. Fields are written in the order of their numbers, and the
// exception has the lowest number, so its tag comes first.
func peekDelta(b []byte) Verdict {
	for _, want := range []protowire.Number{deltaNewElement, elementException} {
		_, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return undecided(n)
		}
		num, typ, m := protowire.ConsumeTag(b[n:])
		if m < 0 {
			return undecided(m)
		}
		if num != want || typ != protowire.BytesType {
			return Skip
		}
		b = b[n+m:]
	}
	return Keep
}

// undecided distinguishes missing bytes from invalid ones.
func undecided(code int) Verdict {
	if errors.Is(protowire.ParseError(code), io.ErrUnexpectedEOF) {
		return More
	}
	return Skip
}

// ParseForward decodes a whole ForwardMsg.
func ParseForward(msg []byte) (Forward, error) {
	var f Forward
	err := fields(msg, func(num protowire.Number, v value) (err error) {
		switch num {
		case forwardHash:
			f.Hash = v.text()
		case forwardMetadata:
			err = f.metadata(v.bytes)
		case forwardNewSession:
			err = f.newSession(v.bytes)
		case forwardNavigation:
			err = f.navigation(v.bytes)
		case forwardDelta:
			err = f.delta(v.bytes)
		case forwardFinished:
			f.Kind, f.Outcome = Finished, Outcome(v.number)
		case forwardSessionEvent:
			err = f.sessionEvent(v.bytes)
		case forwardRefHash:
			f.Kind, f.Ref = Reference, v.text()
		}
		return err
	})
	if err != nil {
		return Forward{}, fmt.Errorf("decode ForwardMsg: %w", err)
	}
	return f, nil
}

func (f *Forward) metadata(b []byte) error {
	return fields(b, func(num protowire.Number, v value) error {
		if num != metadataRun {
			return nil
		}
		return fields(v.bytes, func(num protowire.Number, v value) error {
			if num == runID {
				f.RunID = v.text()
			}
			return nil
		})
	})
}

func (f *Forward) newSession(b []byte) error {
	f.Kind = NewSession
	return fields(b, func(num protowire.Number, v value) error {
		switch num {
		case newSessionInitialize:
			return fields(v.bytes, func(num protowire.Number, v value) error {
				if num == initializeSessionID {
					f.SessionID = v.text()
				}
				return nil
			})
		case newSessionRunID:
			f.RunID = v.text()
		case newSessionPages:
			return f.page(v.bytes)
		case newSessionPageHash:
			f.PageHash = v.text()
		case newSessionMainHash:
			f.MainHash = v.text()
		}
		return nil
	})
}

func (f *Forward) navigation(b []byte) error {
	f.Kind = Navigation
	return fields(b, func(num protowire.Number, v value) error {
		switch num {
		case navigationPages:
			return f.page(v.bytes)
		case navigationPageHash:
			f.PageHash = v.text()
		}
		return nil
	})
}

func (f *Forward) page(b []byte) error {
	var p Page
	err := fields(b, func(num protowire.Number, v value) error {
		switch num {
		case pageHash:
			p.Hash = v.text()
		case pageName:
			p.Name = v.text()
		case pageDefault:
			p.Default = v.number != 0
		}
		return nil
	})
	f.Pages = append(f.Pages, p)
	return err
}

func (f *Forward) delta(b []byte) error {
	return fields(b, func(num protowire.Number, v value) error {
		if num != deltaNewElement {
			return nil
		}
		return fields(v.bytes, func(num protowire.Number, v value) error {
			if num != elementException {
				return nil
			}
			f.Kind = ShownException
			return f.exception(v.bytes)
		})
	})
}

func (f *Forward) sessionEvent(b []byte) error {
	return fields(b, func(num protowire.Number, v value) error {
		if num != eventCompileException {
			return nil
		}
		f.Kind = CompileException
		return f.exception(v.bytes)
	})
}

func (f *Forward) exception(b []byte) error {
	return fields(b, func(num protowire.Number, v value) error {
		switch num {
		case exceptionType:
			f.Exception.Type = v.text()
		case exceptionMessage:
			f.Exception.Message = v.text()
		case exceptionStack:
			f.Exception.Stack = append(f.Exception.Stack, v.text())
		case exceptionWarning:
			f.Exception.Warning = v.number != 0
		}
		return nil
	})
}
