data "google_project" "this" {
  project_id = var.project_id
}

# The APIs that are used. They stay on when this bundle is destroyed: others may use them too.
resource "google_project_service" "this" {
  for_each = toset(concat(local.services, [
    "artifactregistry.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "iap.googleapis.com",
    "run.googleapis.com",
    "sts.googleapis.com",
  ]))

  service            = each.value
  disable_on_destroy = false
}
