package oidc

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// samples are all pages, with what is hardest to show.
func samples(t *testing.T) map[string]string {
	t.Helper()
	p, err := New(Config{Issuer: "http://localhost:8601", Project: "<shop>", Clients: clients()})
	if err != nil {
		t.Fatal(err)
	}
	frame := frame{Title: "A title", Project: "<shop>", Issuer: "http://localhost:8601"}
	sign := signInPage{
		Frame: frame, Client: `<b>"Shop"</b>`, ClientID: "app", Scopes: []string{"openid", "<email>"}, Redirect: appURL, Action: "/signin",
		Hidden: []detail{{"csrf", `"><script>`}},
		People: []choice{
			{Email: "alice@example.com", Name: "<script>alert(1)</script>", Groups: []string{"admin", "<i>marketing</i>"}},
			{Email: "layla@example.com", Name: "ليلى العامري", Hinted: true},
			{Email: "a.very.long.address@" + strings.Repeat("department.", 12) + "example.com", Name: strings.Repeat("Maximiliane ", 12), Groups: strings.Fields(strings.Repeat("group-of-people ", 9))},
			{Email: "x@example.com", Name: strings.Repeat("x", 200), SignedIn: true},
		},
	}
	few := sign
	few.Client, few.People = "Shop", []choice{{Email: "alice@example.com", Name: "Alice", Groups: []string{"admin", "marketing"}}, {Email: "bob@example.com", Name: "Bob"}}
	many := few
	many.People = nil
	for i := range 20 {
		many.People = append(many.People, choice{Email: fmt.Sprintf("person%d@example.com", i), Name: fmt.Sprintf("Person Number %d", i), Groups: []string{"staff"}[:i%2]})
	}
	other := few
	other.Problem, other.Email, other.Claims = "The claims are not a JSON object.", "carol@example.com", `{"a": `
	let := few
	let.Device, let.Redirect = "BCDF-GHJK", ""
	refused := mismatch("redirect_uri", "http://127.0.0.1:8502/oauth2callback/<b>", []string{appURL, appHome}, true)
	wrong := errorPage{Frame: frame, Code: refused.Code, About: refused.Description, Detail: refused.Detail, Fix: refused.Fix}

	out := make(map[string]string)
	for name, data := range map[string]any{
		"signin": few, "signin odd": sign, "signin many": many, "signin other": other, "signin device": let, "error": wrong,
		"signout":   signOutPage{Frame: frame, Client: "<b>Shop</b>", SignedIn: "alice@example.com", Action: "/signout", Hidden: []detail{{"csrf", `"><script>`}}},
		"signedout": signedOutPage{Frame: frame, Client: "Shop", Back: appHome}, "home": homePage{Frame: frame, SignedIn: "alice@example.com", SignOut: "/signout", Hidden: []detail{{"csrf", "t"}}, Metadata: "/x"},
		"formpost":    formPostPage{Frame: frame, Action: appURL, Hidden: []detail{{"code", "c"}}},
		"device":      devicePage{Frame: frame, Problem: "No device is waiting with that code.", Code: "<b>", Action: "/device"},
		"device done": devicePage{Frame: frame, Lead: "It is signed in."},
	} {
		w := httptest.NewRecorder()
		rc := &requestContext{p: p, w: w, endpoint: &endpoint{}}
		rc.page(200, strings.Fields(name)[0], data)
		if w.Code != 200 || w.Header().Get("Cross-Origin-Opener-Policy") != "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Fatalf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
		out[name] = w.Body.String()
	}
	return out
}

func parsed(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *html.Node, name string) (string, bool) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if i < 0 {
		return "", false
	}
	return n.Attr[i].Val, true
}

func within(n *html.Node, name string) bool {
	for a := range n.Ancestors() {
		if a.Data == name {
			return true
		}
	}
	return false
}

func TestPages_CanBeUsedByEverybody(t *testing.T) {
	for name, page := range samples(t) {
		t.Run(name, func(t *testing.T) {
			found, focused := map[string]int{}, 0
			for n := range parsed(t, page).Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				found[n.Data]++
				if _, ok := attribute(n, "autofocus"); ok {
					focused++
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" {
						t.Errorf("<%s %s>: the page's policy forbids it", n.Data, a.Key)
					}
				}
				kind, _ := attribute(n, "type")
				if (n.Data == "input" && kind != "hidden" || n.Data == "textarea") && !within(n, "label") {
					t.Errorf("<%s> without a label", n.Data)
				}
				if lang, _ := attribute(n, "lang"); n.Data == "html" && lang != "en" {
					t.Error("the page does not say its language")
				}
			}
			if found["h1"] != 1 || found["main"] != 1 || found["script"] != 0 || focused > 1 {
				t.Errorf("h1 %d, main %d, script %d, autofocus %d", found["h1"], found["main"], found["script"], focused)
			}
			if found["b"]+found["i"] != 0 {
				t.Error("what people are called has become part of the page")
			}
			if !strings.HasPrefix(name, "formpost") && !strings.Contains(page, "Development only") {
				t.Error("it does not say what it is for")
			}
		})
	}
}

func TestSignInPage_HasAButtonForEverybody(t *testing.T) {
	var order []string
	for n := range parsed(t, samples(t)["signin odd"]).Descendants() {
		if n.Data != "button" {
			continue
		}
		name, _ := attribute(n, "name")
		value, _ := attribute(n, "value")
		var text strings.Builder
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				text.WriteString(c.Data)
			}
		}
		if name == "pick" && !strings.Contains(text.String(), value) {
			t.Errorf("the button of %s says %q", value, text.String())
		}
		order = append(order, name)
	}
	// The order is that of the keyboard, too.
	if want := []string{"pick", "pick", "pick", "pick", "", "deny"}; !slices.Equal(order, want) {
		t.Errorf("buttons %q, want %q", order, want)
	}
}

func TestErrorPage_ComparesAddresses(t *testing.T) {
	page := samples(t)["error"]
	for _, want := range []string{"The app sent", "Registered here", "What differs", "127.0.0.1", appURL, "port: 8502 was sent, 8501 is registered"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestChoice_HasALetter(t *testing.T) {
	for want, c := range map[string]choice{"A": {Name: "alice"}, "É": {Name: "élodie"}, "ل": {Name: "ليلى"}, "7": {Name: "!7"}, "·": {Name: "…"}, "X": {Email: "x@example.com"}} {
		if got := c.Letter(); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}
