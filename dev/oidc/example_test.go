package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"sdev/dev"
	"sdev/dev/oidc"
)

// A test of a program with a login gives it a provider of its own. The issuer is fixed before the
// provider is made, so the server comes first.
func Example() {
	server := httptest.NewUnstartedServer(nil)
	defer server.Close()
	provider, err := oidc.New(oidc.Config{
		Issuer:  "http://" + server.Listener.Addr().String(),
		People:  []dev.Person{{Email: "alice@example.com", Groups: []string{"admin"}}},
		Clients: []dev.Client{{ID: "my-app", Secret: "not-secret-in-a-test", Loopback: true}},
		Current: "alice@example.com", // signs in without a page to click on
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Config.Handler = provider
	server.Start()

	res, err := http.Get(server.URL + "/.well-known/openid-configuration")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var metadata struct {
		Issuer   string   `json:"issuer"`
		Response []string `json:"response_types_supported"`
	}
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(metadata.Issuer == server.URL, metadata.Response)
	// Output: true [code]
}
