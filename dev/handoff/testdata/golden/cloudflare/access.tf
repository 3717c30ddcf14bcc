locals {
  # Who is let in, in the words of Access.
  rules = {
    for name, application in var.access : name => concat(
      [for p in application.people : { email = { email = p.text } } if p.kind == "person"],
      [for p in application.people : { email_domain = { domain = p.text } } if p.kind == "domain"],
      [for p in application.people : { group = { id = p.text } } if p.kind == "access"],
      [for p in application.people : { gsuite = { email = p.text, identity_provider_id = var.group_provider } } if p.kind == "google"],
      [for p in application.people : { azure_ad = { id = p.text, identity_provider_id = var.group_provider } } if p.kind == "entra"],
      [for p in application.people : { okta = { name = p.text, identity_provider_id = var.group_provider } } if p.kind == "okta"],
      [for p in application.people : { oidc = { claim_name = "groups", claim_value = p.text, identity_provider_id = var.group_provider } } if p.kind == "oidc"],
    )
  }

  audiences = [for name in sort(keys(var.access)) : cloudflare_zero_trust_access_application.app[name].aud]
}

resource "cloudflare_zero_trust_access_policy" "app" {
  for_each = { for name, rules in local.rules : name => rules if length(rules) > 0 }

  account_id       = var.account_id
  name             = "${var.name}: ${each.key}"
  decision         = "allow"
  include          = each.value
  session_duration = var.session_duration
}

resource "cloudflare_zero_trust_access_application" "app" {
  for_each = var.access

  account_id       = var.account_id
  name             = "${var.name}: ${each.key}"
  type             = "self_hosted"
  session_duration = var.session_duration
  allowed_idps     = length(var.identity_providers) == 0 ? null : var.identity_providers

  destinations = [
    for path in each.value.paths : {
      type = "public"
      uri  = "${var.domain}${path}"
    }
  ]

  # An application without a policy lets nobody in.
  policies = [
    for name in [each.key] : {
      id         = cloudflare_zero_trust_access_policy.app[name].id
      precedence = 1
    } if length(local.rules[name]) > 0
  ]

  # The cookie is out of reach for scripts, and is not sent from other sites. "lax", because people
  # come back from signing in by a redirect.
  http_only_cookie_attribute = true
  same_site_cookie_attribute = "lax"
  path_cookie_attribute      = each.value.scope

  app_launcher_visible = false
}
