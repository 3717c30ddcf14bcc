# Colleagues sign in with Google. IAP uses the client that Google manages: the API that made clients
# and consent screens was shut on 19 March 2026, and google_iap_client with it.
resource "google_compute_backend_service" "colleagues" {
  name                  = "${var.name}-colleagues"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"

  # No timeout_sec: for a serverless backend the time that a request may take is the service's (app.tf).
  backend {
    group = google_compute_region_network_endpoint_group.app.id
  }

  iap {
    enabled = true
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_iap_web_backend_service_iam_member" "colleagues" {
  for_each = local.grants

  web_backend_service = google_compute_backend_service.colleagues.name
  role                = "roles/iap.httpsResourceAccessor"
  member              = each.value.member

  dynamic "condition" {
    for_each = each.value.expression == "" ? [] : [each.value]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}
