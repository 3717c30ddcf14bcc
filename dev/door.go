package dev

// FrontDoor is a kind of proxy that signs people in before they reach the app, and tells the app in headers
// who they are.
type FrontDoor struct {
	Name   string // among the ways to sign in: "alb"
	Title  string // for people: "Google's IAP"
	Signed string // header with a signed token; the others can be forged by whoever reaches the app
	// Headers are all that say who somebody is, and Begins how their names begin, both in small letters.
	Headers, Begins []string
}

// The names of the front doors.
const (
	DoorALB        = "alb"
	DoorIAP        = "iap"
	DoorCloudflare = "cloudflare"
)

// FrontDoors are all that sdev knows.
func FrontDoors() []FrontDoor {
	return []FrontDoor{
		{
			Name: DoorALB, Title: "an ALB", Signed: "x-amzn-oidc-data", Begins: []string{"x-amzn-oidc-"},
			Headers: []string{"x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"},
		},
		{
			Name: DoorIAP, Title: "Google's IAP", Signed: "X-Goog-Iap-Jwt-Assertion", Begins: []string{"x-goog-iap-jwt-assertion", "x-goog-authenticated-user"},
			Headers: []string{"x-goog-iap-jwt-assertion", "x-goog-authenticated-user-email", "x-goog-authenticated-user-id"},
		},
		{
			Name: DoorCloudflare, Title: "Cloudflare Access", Signed: "Cf-Access-Jwt-Assertion", Begins: []string{"cf-access-jwt-assertion", "cf-access-authenticated-user"},
			Headers: []string{"cf-access-jwt-assertion", "cf-access-authenticated-user-email"},
		},
	}
}
