# The account as which IAP calls the service. Switching IAP on by API does not make it, and without it
# people see "The IAP service account is not provisioned" after they have signed in.
resource "google_project_service_identity" "iap" {
  provider = google-beta
  project  = var.project_id
  service  = "iap.googleapis.com"

  depends_on = [google_project_service.this]
}

# The only one who may call the service. Nothing here is for allUsers.
resource "google_cloud_run_v2_service_iam_member" "iap" {
  location = google_cloud_run_v2_service.app.location
  name     = google_cloud_run_v2_service.app.name
  role     = "roles/run.invoker"
  member   = google_project_service_identity.iap.member
}

locals {
  # One grant for each member, so that taking one away touches nobody else.
  grants = merge([
    for title, grant in var.access : {
      for member in grant.members : "${title} ${member}" => {
        title      = title
        member     = member
        expression = grant.expression
      }
    }
  ]...)
}
