# The way in: one address, one certificate, one load balancer. The name in the request decides who is
# asked to sign in how:
#
#   domain            colleagues, with their Google account            (iap_colleagues.tf)
#   external_domain   guests, with e-mail and password, from networks
#                     that you know                                    (external.tf)
#
# The service itself takes requests from this load balancer alone, and has no address of its own.

variable "domain" {
  description = "Name under which colleagues reach the app."
  type        = string
}

variable "iap_audiences" {
  description = "What IAP signs its assertions for; filled in after the first apply, from the output of the same name."
  type        = list(string)
  default     = []
}

locals {
  services             = concat(["compute.googleapis.com"], local.external_services)
  ingress              = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
  default_uri_disabled = true
  iap_on_service       = false
  iap_audiences        = var.iap_audiences
  domains              = concat([var.domain], local.external_domains)
}

resource "google_compute_global_address" "front" {
  name = "${var.name}-front"

  depends_on = [google_project_service.this]
}

# Becomes valid some minutes after the names point to the address, and renews itself. Its name changes
# with the domains, because a certificate that is in use cannot be replaced under the same one.
resource "google_compute_managed_ssl_certificate" "front" {
  name = "${var.name}-${substr(sha256(join(",", local.domains)), 0, 8)}"

  managed {
    domains = local.domains
  }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [google_project_service.this]
}

resource "google_compute_ssl_policy" "front" {
  name            = "${var.name}-front"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"

  depends_on = [google_project_service.this]
}

resource "google_compute_region_network_endpoint_group" "app" {
  name                  = "${var.name}-app"
  region                = var.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.app.name
  }
}

resource "google_compute_url_map" "front" {
  name            = "${var.name}-front"
  default_service = google_compute_backend_service.colleagues.id

  dynamic "host_rule" {
    for_each = local.external_backends
    content {
      hosts        = [host_rule.key]
      path_matcher = "external"
    }
  }

  dynamic "path_matcher" {
    for_each = local.external_backends
    content {
      name            = "external"
      default_service = path_matcher.value
    }
  }
}

resource "google_compute_target_https_proxy" "front" {
  name             = "${var.name}-front"
  url_map          = google_compute_url_map.front.id
  ssl_certificates = [google_compute_managed_ssl_certificate.front.id]
  ssl_policy       = google_compute_ssl_policy.front.id
}

resource "google_compute_global_forwarding_rule" "https" {
  name                  = "${var.name}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.front.id
}

# Whoever types the name without https is sent there.
resource "google_compute_url_map" "redirect" {
  name = "${var.name}-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }

  depends_on = [google_project_service.this]
}

resource "google_compute_target_http_proxy" "redirect" {
  #checkov:skip=CKV_GCP_115:it answers with a redirect to https and nothing else
  name    = "${var.name}-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  name                  = "${var.name}-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}

output "address" {
  description = "Point an A record of each domain here."
  value       = google_compute_global_address.front.address
}

output "iap_audiences" {
  description = "What the app compares the audience of the assertion with. Put it into iap.auto.tfvars.json (README.md) and apply once more."
  value = [
    for id in concat([google_compute_backend_service.colleagues.generated_id], local.external_backend_ids) :
    "/projects/${data.google_project.this.number}/global/backendServices/${id}"
  ]
}
