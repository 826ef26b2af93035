//! A sound component that is no reward plugin: it greets.

#![cfg(target_arch = "wasm32")]

#[allow(clippy::pedantic, clippy::undocumented_unsafe_blocks)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package example:greeting@1.0.0;

            world greeter {
                export greet: func(name: string) -> string;
            }
        ",
    });
}

struct Greeter;

impl bindings::Guest for Greeter {
    fn greet(name: String) -> String {
        format!("Hello, {name}!")
    }
}

bindings::export!(Greeter with_types_in bindings);
