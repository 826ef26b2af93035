module plugins/extraction

go 1.25

require (
	go.bytecodealliance.org/pkg v0.2.2
	rlhost v0.0.0
)

// Written anew by each `rlhost plugin build`.
replace (
	go.bytecodealliance.org/pkg => ./target/plugin-build/pkg
	rlhost => ./target/plugin-build/rlhost
)
