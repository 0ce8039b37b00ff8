//! Spans on their way to a collector, as the OpenTelemetry protocol (OTLP) over HTTP has it.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::Name;
use crate::config::Telemetry;

/// Sends spans to a collector, in the background and many at a time. While it is away they are lost: nothing waits.
pub struct Traces {
    /// What the service is called where traces are looked at.
    service: &'static str,
    provider: SdkTracerProvider,
}

impl Traces {
    /// To the collector of the settings; without one there are no spans at all.
    pub fn of(name: Name, settings: &Telemetry) -> Result<Option<Self>, ExporterBuildError> {
        let Some(collector) = &settings.otlp else { return Ok(None) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", collector.trim_end_matches('/')))
            .with_protocol(Protocol::HttpBinary)
            .build()?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        let resource = Resource::builder().with_service_name(name.as_str()).build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Some(Self { service: name.as_str(), provider }))
    }

    /// What makes spans.
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer(self.service)
    }

    /// Sends what is left. Blocks for as long as the collector takes, within bounds.
    pub fn end(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(error = &error as &dyn std::error::Error, "the last spans were not sent");
        }
    }
}
