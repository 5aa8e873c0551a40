# SPDX-License-Identifier: GPL-2.0-or-later

# $(call install_packages,LIST): installs what is missing where it may; says the
# exact line where it may not.
install_packages = \
	missing=$$(for p in $(1); do \
		dpkg-query -W -f '$${Status}' $$p 2>/dev/null | \
			grep -q '^install ok installed' || echo $$p; done | xargs); \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then run=; \
	elif sudo -n true 2>/dev/null; then run=sudo; \
	else \
		echo "zlab needs packages that are not installed. Run:" >&2; \
		echo "  sudo apt-get install $$missing" >&2; exit 1; \
	fi; \
	echo "  APT      $$missing"; \
	$$run apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$run apt-get install -y -qq \
		--no-install-recommends $$missing >/dev/null

deps:
	$(Q)$(call install_packages,$(DEPS))

deps-long: deps
	$(Q)$(call install_packages,$(DEPS_BROWSER) $(DEPS_KERNEL) $(DEPS_SAMPLES))

.PHONY: deps deps-long
