//! Every refusal, and the page that explains it.
