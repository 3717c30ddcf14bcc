output "tunnel_id" {
  description = "The tunnel. Its token is fetched with this and stays out of the state (README.md)."
  value       = cloudflare_zero_trust_tunnel_cloudflared.app.id
}

# What compose.yaml takes from its environment; nothing of it is secret.
output "environment" {
  description = "Content of access.env."
  value = join("", [
    "CF_TEAM=${var.team}\n",
    "CF_AUD=${join(",", local.audiences)}\n",
  ])
}
