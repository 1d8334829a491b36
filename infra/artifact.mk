# What the Makefiles that `sam build` runs have in common.
#
# Lambda's file system is read-only, and a package made by SAM says that every file is of 1980, which voids
# bytecode that is checked by its source's date. What is compiled here is not checked at all, and names its
# source where Lambda has it, so that two machines make the same bytes.
define compile
	find "$(ARTIFACTS_DIR)" -name __pycache__ -type d -prune -exec rm -rf {} +
	python3.13 -m compileall -q --invalidation-mode unchecked-hash -s "$(ARTIFACTS_DIR)" -p $(1) "$(ARTIFACTS_DIR)"
endef
