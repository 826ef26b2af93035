//! The parameters that say what numbers of boxes mean, for all plugins with boxes.

use crate::geometry::Box2;
use crate::read::Layout;
use crate::space::{self, Space};
use rlhost_plugin::{Failure, Params, PluginInfo, Sample};

/// The kinds of coordinates of both sides, and how four numbers make a box.
#[derive(Clone, Copy, Debug)]
pub struct Coordinates {
    pub response: Space,
    pub reference: Space,
    pub layout: Layout,
}

impl Coordinates {
    /// Describes the parameters `response_coordinates`, `reference_coordinates` and `layout`.
    pub fn describe(info: PluginInfo) -> PluginInfo {
        info.param(
            "response_coordinates",
            "What the numbers of a response are. \"pixel\": pixels of the image; \"resized\": pixels of the image as the \
             model saw it, whose size the columns `resized_width` and `resized_height` give (Qwen2.5-VL); \"unit\": shares \
             of its sides from 0 to 1; \"thousandth\": thousandths of its sides, from 0 to 1000; \"same\": what the \
             reference's are.",
            "\"same\"",
        )
        .param(
            "reference_coordinates",
            "What the numbers of a reference are: \"pixel\", \"unit\" or \"thousandth\". Between pixels and others the \
             sample's first image, or the row's columns `width` and `height`, give the size.",
            "\"pixel\"",
        )
        .param(
            "layout",
            "\"xyxy\": left, top, right, bottom; \"xywh\": left, top, width, height; on both sides.",
            "\"xyxy\"",
        )
    }

    /// Reads them.
    pub fn read(params: &Params) -> Result<Self, Failure> {
        let names = ["pixel", "unit", "thousandth"];
        let reference = Space::named(params.choice("reference_coordinates", &names, "pixel")?);
        let names = ["same", "pixel", "resized", "unit", "thousandth"];
        let response = match params.choice("response_coordinates", &names, "same")? {
            "same" => reference,
            name => Space::named(name),
        };
        let layout = match params.choice("layout", &["xyxy", "xywh"], "xyxy")? {
            "xywh" => Layout::Xywh,
            _ => Layout::Xyxy,
        };
        Ok(Self {
            response,
            reference,
            layout,
        })
    }

    /// What brings boxes of both sides to the same coordinates: nothing where they are the same already, else shares of
    /// the image's sides.
    pub fn common(
        &self,
        sample: &Sample,
    ) -> Result<impl Fn(Space, &Box2) -> Box2 + use<>, Failure> {
        let (same, pixel) = (self.response == self.reference, Space::Pixel);
        let image = if !same && (self.response == pixel || self.reference == pixel) {
            space::size(sample)?
        } else {
            (1.0, 1.0)
        };
        let resized = if self.response == Space::Resized {
            space::resized_size(sample)?
        } else {
            (1.0, 1.0)
        };
        Ok(move |space: Space, found: &Box2| match space {
            _ if same => *found,
            Space::Resized => space.shares(found, resized),
            _ => space.shares(found, image),
        })
    }
}
