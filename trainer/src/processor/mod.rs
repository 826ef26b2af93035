//! (empty)
/// stub
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePatches {
    /// g
    pub grid: [usize; 3],
    /// v
    pub values: Vec<f32>,
}
/// stub
#[derive(Clone, Debug, PartialEq)]
pub struct PreparedPrompt {
    /// t
    pub text: String,
    /// i
    pub token_ids: Vec<u32>,
    /// i
    pub images: Vec<ImagePatches>,
}
