# cloudflared connects out to Cloudflare, and what people ask for comes back through that connection:
# no port is open anywhere. What goes where is kept at Cloudflare and here, not on the machine.
resource "cloudflare_zero_trust_tunnel_cloudflared" "app" {
  account_id = var.account_id
  name       = var.name
  config_src = "cloudflare"
}

resource "cloudflare_zero_trust_tunnel_cloudflared_config" "app" {
  account_id = var.account_id
  tunnel_id  = cloudflare_zero_trust_tunnel_cloudflared.app.id

  config = {
    ingress = [
      {
        hostname = var.domain
        # A regular expression. cloudflared takes nothing away from a path, so the app has to live
        # there too: STREAMLIT_SERVER_BASE_URL_PATH in compose.yaml.
        path    = var.base_path == "" ? null : "^${replace(var.base_path, ".", "\\.")}(/|$)"
        service = "http://app:${var.port}"

        # Access asks people at Cloudflare. This makes cloudflared ask again, at your end: what has not
        # been through Access for one of these applications does not reach the app.
        origin_request = {
          access = {
            required  = true
            team_name = var.team
            aud_tag   = local.audiences
          }
        }
      },
      {
        service = "http_status:404"
      },
    ]
  }
}

# Proxied, so that nobody finds out where the tunnel ends.
resource "cloudflare_dns_record" "app" {
  zone_id = var.zone_id
  name    = var.domain
  type    = "CNAME"
  content = "${cloudflare_zero_trust_tunnel_cloudflared.app.id}.cfargotunnel.com"
  proxied = true
  ttl     = 1 # decided by Cloudflare, as for everything that is proxied
  comment = "Tunnel of ${var.name}"
}
