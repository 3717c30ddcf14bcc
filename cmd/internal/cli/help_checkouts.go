package cli

func checkoutsText() string {
	return `Git worktrees and clones of one project run side by side on one engine: "sdev up" works in each.

The name. An engine knows projects by name, and checkouts have one name in their files. The first directory that
runs keeps it. Each other one gets a name of its own at its first "sdev up": the name in the files, and a part of
the hash of its directory (shop-7f3a). sdev says so once, keeps it in .sdev, and "sdev status" shows it. It stays
the same, whichever checkout is stopped. A checkout that is moved keeps its name; a copy gets its own, even if
.sdev was copied along. If COMPOSE_PROJECT_NAME gives a name, sdev takes no other one, and refuses to start if
another directory has it.

"docker compose" does not know the name: docker compose -p shop-7f3a ps. "sdev deploy" and "sdev preflight" use
the name in the files.

What each checkout has of its own:
  page, provider     free ports, kept for the next start
  ports of services  a fixed port belongs to the first checkout, whether that runs or not; each other one gets the
                     next free port, and sdev says which
  networks, volumes  follow the name; where the compose file names one itself, it gets the checkout's ending
  container_name     gets the ending; services still reach each other by the name in the file
  images             one that is built under a fixed name gets the ending on its tag
  cookies            in modes with a login, the page has a host name of its own (shop-7f3a.localhost), unless
                     x-sdev.host names one. So one browser stays signed in at each checkout.
Shared are external volumes and networks, directories outside the project that services mount, and the ports of
services with network_mode: host. sdev says so. Where services have fixed addresses (ipv4_address), only one checkout
can run; a subnet alone is left to the engine.

  sdev status --all    every project of sdev on this machine, in whatever directory you are
  sdev down --all      stop and remove all of them, also those whose directory is gone; it asks on a terminal
                       (--yes). With --volumes also their data. What docker compose created stays.
`
}
