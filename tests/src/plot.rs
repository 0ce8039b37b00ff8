//! Draws a few curves as an SVG: a background of its own, so that it reads in light and in dark surroundings.

use std::fmt::Write as _;

/// What there is room for: the drawing, and the names of the curves to its right.
const WIDTH: f64 = 820.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 270.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// Dark enough on white, and told apart by people who see few colours.
const COLOURS: [&str; 3] = ["#0b62a4", "#c2410c", "#4b5563"];
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];

/// Some curves over a common axis, whose steps are tenfold. A value of 0 stands a step before the smallest other one.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Above it all.
    pub title: String,
    /// Of the horizontal axis.
    pub across: String,
    /// Of the vertical axis.
    pub up: String,
    /// What the vertical axis reaches from and to.
    pub range: (f64, f64),
    /// Whether equal steps of the vertical axis are equal factors.
    pub factors: bool,
    /// Where the vertical axis is marked.
    pub marks: Vec<f64>,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Which of three colours.
    pub colour: usize,
    /// Which of three kinds of line: whole, dashed, dotted.
    pub dash: usize,
    /// Across and up, from left to right.
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    /// As SVG.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        self.write(&mut svg).expect("a text takes everything");
        svg
    }

    fn write(&self, svg: &mut String) -> std::fmt::Result {
        writeln!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="13" fill="black"><title>{}</title>"#,
            escaped(&self.title)
        )?;
        writeln!(svg, r#"<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="white"/>"#)?;
        writeln!(svg, r#"<text x="{LEFT}" y="28" font-size="16">{}</text>"#, escaped(&self.title))?;
        self.write_axes(svg)?;
        for (index, curve) in self.curves.iter().enumerate() {
            self.write_curve(svg, index, curve)?;
        }
        writeln!(svg, "</svg>")
    }

    fn write_axes(&self, svg: &mut String) -> std::fmt::Result {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for mark in &self.marks {
            let y = self.y(*mark);
            writeln!(svg, r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#d1d5db"/>"##)?;
            writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{mark}</text>"#, LEFT - 8.0, y + 4.0)?;
        }
        for place in self.places() {
            let (x, name) = (self.x(place), grouped(place));
            writeln!(svg, r#"<path d="M{x:.1} {bottom}v5" stroke="black"/>"#)?;
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{name}</text>"#, bottom + 20.0)?;
        }
        writeln!(svg, r#"<path d="M{LEFT} {TOP}V{bottom}H{right}" stroke="black" fill="none"/>"#)?;
        let (middle, below) = (f64::midpoint(LEFT, right), HEIGHT - 16.0);
        let across = escaped(&self.across);
        writeln!(svg, r#"<text x="{middle}" y="{below}" text-anchor="middle">{across}</text>"#)?;
        let (y, up) = (f64::midpoint(TOP, bottom), escaped(&self.up));
        writeln!(svg, r#"<text transform="translate(18 {y}) rotate(-90)" text-anchor="middle">{up}</text>"#)
    }

    fn write_curve(&self, svg: &mut String, index: usize, curve: &Curve) -> std::fmt::Result {
        let colour = COLOURS[curve.colour % COLOURS.len()];
        let stroke = format!(
            r#"stroke="{colour}" stroke-width="2" stroke-dasharray="{}""#,
            DASHES[curve.dash % DASHES.len()]
        );
        let points: Vec<(f64, f64)> =
            curve.points.iter().map(|(across, up)| (self.x(*across), self.y(*up))).collect();
        let line = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
        writeln!(svg, r#"<polyline points="{line}" fill="none" {stroke}/>"#)?;
        for (x, y) in points {
            writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#)?;
        }
        let (x, y) = (WIDTH - RIGHT + 20.0, TOP + 10.0 + 22.0 * index as f64);
        writeln!(svg, r#"<path d="M{x} {y}h28" {stroke}/>"#)?;
        writeln!(svg, r#"<text x="{}" y="{}">{}</text>"#, x + 36.0, y + 4.0, escaped(&curve.name))
    }

    /// Where there are points, from left to right.
    fn places(&self) -> Vec<f64> {
        let mut places: Vec<f64> =
            self.curves.iter().flat_map(|curve| curve.points.iter().map(|(across, _)| *across)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    }

    fn x(&self, across: f64) -> f64 {
        let places = self.places();
        let smallest = places.iter().copied().find(|place| *place > 0.0).unwrap_or(1.0);
        let log = |place: f64| if place > 0.0 { place.log10() } else { smallest.log10() - 1.0 };
        let (first, last) = (places.first().map_or(0.0, |p| log(*p)), places.last().map_or(1.0, |p| log(*p)));
        // Clear of the axis on both sides.
        let (from, to) = (LEFT + 25.0, WIDTH - RIGHT - 25.0);
        from + (to - from) * (log(across) - first) / (last - first).max(1e-9)
    }

    fn y(&self, up: f64) -> f64 {
        let scale = |value: f64| if self.factors { value.max(1e-9).log10() } else { value };
        let (from, to) = (scale(self.range.0), scale(self.range.1));
        let share = ((scale(up) - from) / (to - from)).clamp(0.0, 1.0);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }
}

/// 1,000,000
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        Plot {
            title: "a < b".into(),
            across: "across".into(),
            up: "up".into(),
            range: (0.0, 2.0),
            factors: false,
            marks: vec![0.0, 1.0],
            curves: vec![Curve { name: "c".into(), colour: 0, dash: 0, points }],
        }
    }

    #[test]
    fn tenfold_steps_are_equally_wide_and_zero_is_one_before_the_first() {
        let plot = plot(vec![(0.0, 1.0), (10.0, 1.0), (100.0, 1.0)]);
        let step = plot.x(10.0) - plot.x(0.0);
        assert!((plot.x(100.0) - plot.x(10.0) - step).abs() < 1e-6);
        assert!(step > 100.0);
    }

    #[test]
    fn what_is_out_of_range_stays_within_the_drawing() {
        let plot = plot(vec![(1.0, 5.0)]);
        assert!((plot.y(5.0) - TOP).abs() < 1e-6);
        assert!(plot.svg().contains("<title>a &lt; b</title>"));
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0.0, 999.0, 1000.0, 10_000_000.0].map(grouped), ["0", "999", "1,000", "10,000,000"]);
    }
}
