use indicatif::{ProgressBar, ProgressStyle};

/// A bar of this shape for so much work; shown on a terminal only.
pub fn bar(template: &str, length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
