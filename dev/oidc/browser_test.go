//go:build foreign

package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is what a person holds: cookies, redirects and forms, as far as a provider needs them. It
// runs no script, so a provider that passes needs none.
type browser struct {
	issuer *url.URL
	client *http.Client
}

// visit is one trip: where it begins, and what the person does on the way.
type visit struct {
	URL  string `json:"url"`
	As   string `json:"as"`   // e-mail of the person whose button is pressed; "" presses nothing
	Deny bool   `json:"deny"` // refuses instead, wherever that is possible
}

// arrival is the request with which a trip leaves the provider, or the page that it ends on there.
type arrival struct {
	URL  string            `json:"url"`
	Form map[string]string `json:"form,omitempty"` // of a POST
	Text string            `json:"-"`              // of the page, where the trip ends at the provider
}

func newBrowser(t testing.TB, issuer string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	follow := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{issuer: at, client: &http.Client{Jar: jar, Transport: transport, CheckRedirect: follow}}
}

// serve lets a program in another language send the browser on trips.
func (b *browser) serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v visit
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a, err := b.travel(r.Context(), v)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(a)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// travel follows redirects and presses buttons until the way leaves the provider or ends.
func (b *browser) travel(ctx context.Context, v visit) (arrival, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.URL, nil)
	if err != nil {
		return arrival{}, err
	}
	denied := false
	for range 15 {
		if r.URL.Host != b.issuer.Host {
			return leave(r)
		}
		resp, page, err := b.get(r)
		if err != nil {
			return arrival{}, err
		}
		if next, err := resp.Location(); err == nil {
			if r, err = http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil); err != nil {
				return arrival{}, err
			}
			continue
		}
		if resp.StatusCode >= http.StatusBadRequest {
			return arrival{}, fmt.Errorf("%s answers %s: %s", r.URL.Path, resp.Status, page.text)
		}
		press, err := page.choose(r.URL, b.issuer.Host, v)
		if err != nil {
			return arrival{}, err
		}
		if press == nil || denied {
			return arrival{URL: r.URL.String(), Text: page.text}, nil
		}
		denied = press.denies
		if r, err = press.request(ctx); err != nil {
			return arrival{}, err
		}
	}
	return arrival{}, errors.New("the provider sends the browser round and round")
}

func leave(r *http.Request) (arrival, error) {
	a := arrival{URL: r.URL.String()}
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return a, err
		}
		a.Form = make(map[string]string)
		for name := range r.PostForm {
			a.Form[name] = r.PostForm.Get(name)
		}
	}
	return a, nil
}

func (b *browser) get(r *http.Request) (*http.Response, *page, error) {
	resp, err := b.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return nil, nil, err
	}
	p := &page{}
	p.read(root, nil)
	p.text = strings.Join(strings.Fields(p.text), " ")
	return resp, p, nil
}

// page is what a person can do on one.
type page struct {
	text    string
	forms   []*form
	buttons []button
}

type form struct {
	id, action, method string
	values             url.Values
}

type button struct {
	name, value, text, of string
	form                  *form
}

// read collects forms, fields and buttons in the order of the document.
func (p *page) read(n *html.Node, in *form) {
	switch {
	case n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script":
		p.text += n.Data + " "
	case n.Type == html.ElementNode && n.Data == "form":
		in = &form{id: attr(n, "id"), action: attr(n, "action"), method: strings.ToUpper(attr(n, "method")), values: url.Values{}}
		p.forms = append(p.forms, in)
	case n.Type == html.ElementNode && n.Data == "input" && in != nil && attr(n, "name") != "" && attr(n, "type") != "submit":
		in.values.Set(attr(n, "name"), attr(n, "value"))
	case n.Type == html.ElementNode && n.Data == "button":
		p.buttons = append(p.buttons, button{attr(n, "name"), attr(n, "value"), textOf(n), attr(n, "form"), in})
	}
	for c := range n.ChildNodes() {
		p.read(c, in)
	}
}

// press is a form about to be sent.
type press struct {
	at     *url.URL
	form   *form
	button button
	denies bool
}

// choose finds what the person does here: nil when there is nothing to do.
func (p *page) choose(at *url.URL, provider string, v visit) (*press, error) {
	for i, b := range p.buttons {
		for _, f := range p.forms {
			if b.of != "" && f.id == b.of {
				p.buttons[i].form = f
			}
		}
	}
	// A page that only carries an answer on to the client asks nobody.
	for _, f := range p.forms {
		if to, err := at.Parse(f.action); err == nil && to.Host != provider {
			return &press{at: at, form: f}, nil
		}
	}
	if len(p.forms) == 0 {
		return nil, nil
	}
	if v.As == "" {
		return nil, fmt.Errorf("%s asks: %s", at.Path, p.text)
	}
	asksWho := false
	var first *press
	for _, b := range p.buttons {
		denies := b.name == "abort" || strings.HasPrefix(b.text, "Deny")
		asksWho = asksWho || strings.Contains(b.text, "@")
		switch {
		case b.form == nil:
		case v.Deny && denies, !v.Deny && strings.Contains(b.text, v.As):
			return &press{at, b.form, b, denies}, nil
		case first == nil && !denies:
			first = &press{at, b.form, b, false}
		}
	}
	if asksWho {
		return nil, fmt.Errorf("%s has no button for %s: %s", at.Path, v.As, p.text)
	}
	if first == nil {
		first = &press{at: at, form: p.forms[0]}
	}
	return first, nil
}

func (p *press) request(ctx context.Context) (*http.Request, error) {
	to, err := p.at.Parse(p.form.action)
	if err != nil {
		return nil, err
	}
	if p.button.name != "" {
		p.form.values.Set(p.button.name, p.button.value)
	}
	if p.form.method != http.MethodPost {
		to.RawQuery = p.form.values.Encode()
		return http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(p.form.values.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.at.Scheme+"://"+p.at.Host)
	return r, nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
