# The light variant: IAP is in front of the service itself. You need no load balancer, domain or
# certificate, and there is no sign-in for guests: people of your organisation sign in at the address
# that ends in run.app. The project has to be in an organisation.

locals {
  services             = []
  ingress              = "INGRESS_TRAFFIC_ALL"
  default_uri_disabled = false
  iap_on_service       = true
  iap_audiences        = ["/projects/${data.google_project.this.number}/locations/${var.region}/services/${var.name}"]
}

resource "google_iap_web_cloud_run_service_iam_member" "colleagues" {
  for_each = local.grants

  location               = google_cloud_run_v2_service.app.location
  cloud_run_service_name = google_cloud_run_v2_service.app.name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.value.member

  dynamic "condition" {
    for_each = each.value.expression == "" ? [] : [each.value]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

output "url" {
  description = "Where the app is."
  value       = google_cloud_run_v2_service.app.uri
}
