use wilco_domain::cars::car::{Car, CreateCar, RepaintCar, RetireCar};
use wilco_projections::cars::CarView;

use super::{At, Builder, Module};

/// Cars, whose ids the clients may choose.
pub(super) fn cars() -> Module {
    Builder::<Car, CarView>::new("cars", "Cars", "Cars, under ids of their clients' choice.")
        .command::<CreateCar>([
            At::post("", "Register a car")
                .describe("Leave `id` out and the server makes one.")
                .fails(&["already-exists"]),
            At::put("/{id}", "Register a car under an id of your own")
                .describe(
                    "An identical request is the same command; another body for a registered id fails with \
                     `already-exists`.",
                )
                .fails(&["already-exists"]),
        ])
        .command::<RepaintCar>([At::post("/{id}/repaint", "Give a car another colour")
            .describe("The colour it has already is refused with `validation`.")
            .fails(&["not-found", "car-retired", "validation"])])
        .command::<RetireCar>([At::post("/{id}/retire", "Take a car off the road for good")
            .describe("It can still be read, and not be changed any more.")
            .fails(&["not-found", "car-retired"])])
        .finish()
}
