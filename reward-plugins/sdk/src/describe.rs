//! Builds what a plugin says about itself.

use crate::{ParamInfo, PluginInfo, Scope};

impl PluginInfo {
    /// A plugin of scope `sample` without parts or parameters.
    ///
    /// `version` is the plugin's own, mostly `env!("CARGO_PKG_VERSION")`; `doc` says in a sentence
    /// or two what it judges.
    pub fn new(name: &str, version: &str, doc: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            doc: doc.to_owned(),
            scope: Scope::Sample,
            parts: Vec::new(),
            params: Vec::new(),
        }
    }

    /// Sets which samples one call of `score` sees together.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Adds a name that verdicts may carry as a part.
    #[must_use]
    pub fn part(mut self, name: &str) -> Self {
        self.parts.push(name.to_owned());
        self
    }

    /// Adds a parameter that the plugin understands; `default` is JSON.
    #[must_use]
    pub fn param(mut self, name: &str, doc: &str, default: &str) -> Self {
        self.params.push(ParamInfo {
            name: name.to_owned(),
            doc: doc.to_owned(),
            default: default.to_owned(),
        });
        self
    }
}
