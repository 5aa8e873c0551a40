# SPDX-License-Identifier: GPL-2.0-or-later

# $(call install_packages,LIST): installs what is missing where it may; says the
# exact line where it may not.
install_packages = \
	command -v dpkg-query >/dev/null || { \
		echo "no Debian here; zlab needs what Debian has in: $(1)"; \
		exit 0; }; \
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

# make deps         what is missing to build zlab and to draw plots
# make deps-check   and what the tests need
# make deps-vm      what "zlab vm" boots kernels with
# make deps-cluster what "make cluster" starts jobs with
deps:
	$(Q)$(call install_packages,$(DEPS_BUILD) $(DEPS_PLOT))

deps-check:
	$(Q)$(call install_packages,$(DEPS_BUILD) $(DEPS_PLOT) $(DEPS_CHECK))

deps-browser:
	$(Q)$(call install_packages,$(DEPS_BROWSER))

deps-deb:
	$(Q)$(call install_packages,$(DEPS_BUILD) $(DEPS_PLOT) $(DEPS_DEB))

deps-vm:
	$(Q)$(call install_packages,$(DEPS_VM))

deps-cluster:
	$(Q)$(call install_packages,$(DEPS_CLUSTER))

deps-long: deps-check
	$(Q)$(call install_packages,$(DEPS_BROWSER) $(DEPS_KERNEL) \
		$(DEPS_SAMPLES) $(DEPS_DOCS) $(DEPS_DEB) $(DEPS_VM) \
		$(DEPS_CLUSTER) $(DEPS_SLURM))

.PHONY: deps deps-check deps-browser deps-cluster deps-deb deps-long deps-vm
