"""The course as a static web edition: pages from the release notebooks, laboratories as computed states."""
