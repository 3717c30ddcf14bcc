// Command serve runs our provider as a process of its own, so that its start, its memory and its
// speed can be measured beside those of a provider of others.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"sdev/dev"
	"sdev/dev/oidc"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func serve() error {
	var settings struct {
		Listen  string
		Issuer  string
		People  []dev.Person
		Clients []dev.Client
	}
	if err := json.NewDecoder(os.Stdin).Decode(&settings); err != nil {
		return err
	}
	p, err := oidc.New(oidc.Config{Issuer: settings.Issuer, Project: "relying", People: settings.People, Clients: settings.Clients})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	return (&http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}).Serve(l)
}
